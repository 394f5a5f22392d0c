"""What all packages share: command-line settings, names of stores, plugins, the `rivulet` command.

It imports none of the other packages when it is imported itself.
"""
