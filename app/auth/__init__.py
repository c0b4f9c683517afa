"""Who a user is: registers, signs in, vouches for tokens. Alone in knowing passwords."""
