//! Pleach: the official MLS test vectors and the requirement matrix
