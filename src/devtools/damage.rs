//! Injure a copy of a store in a named way.
