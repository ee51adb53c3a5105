//! Stories of made-up captures.
