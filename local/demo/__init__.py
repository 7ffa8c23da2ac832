"""The demo: a made-up list dialed through the whole local world, with or without faults, and judged at the end."""
