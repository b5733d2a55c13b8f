//! cipher suites 1, 2, 3, 5 and 7 on AWS-LC.
