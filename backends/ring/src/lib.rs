//! cipher suites 1, 2, 3 and 7 on ring, with borrowed Diffie-Hellman groups.
