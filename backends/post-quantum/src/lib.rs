//! ML-KEM, its hybrids and ML-DSA, and the eleven cipher suites made of them.
