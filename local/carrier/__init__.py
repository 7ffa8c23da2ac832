"""A simulator of Twilio's voice API and the judge of "never twice": it never imports the product."""
