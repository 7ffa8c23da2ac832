"""The local world: real parts on loopback. Never shipped."""
