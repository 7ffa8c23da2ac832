"""The dialer that never calls twice: tick claims, call dials, voice listens, reconcile settles."""
