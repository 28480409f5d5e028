"""What people prove with who they are: passwords, passkeys, codes, tokens, and an identity
provider's word."""
