"""The only places that speak to vendors: MongoDB, AWS and the carrier."""
