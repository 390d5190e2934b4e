//! Rules as data: the file schema, the validated [`Rule`], the built-in catalogue.

pub mod schema;
