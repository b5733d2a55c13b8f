//! Pleach: the naive oracle, malformed messages and the suites every backend must pass

pub mod storage_suite;
