"""What Java 17 must open of itself to Flink and Beam."""

ADD_OPENS = (
    "java.lang",
    "java.lang.reflect",
    "java.util",
    "java.util.concurrent",
    "java.util.concurrent.atomic",
    "java.util.concurrent.locks",
    "java.net",
    "java.nio",
    "java.io",
    "java.time",
    "java.text",
    "sun.nio.ch",
)
ADD_EXPORTS = ("sun.net.util",)
OPENINGS = (
    *(f"--add-opens=java.base/{package}=ALL-UNNAMED" for package in ADD_OPENS),
    *(f"--add-exports=java.base/{package}=ALL-UNNAMED" for package in ADD_EXPORTS),
)
