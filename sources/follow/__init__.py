"""Files and topics beside the events: workers read them, and follow them as they change."""
