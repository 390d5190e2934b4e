//! Exports: every planted secret once, with who, when and where; and input that is made to hurt.

mod generic;
mod github;
mod hostile;
mod jira;
mod pairing;
mod plant;
mod salesforce;
mod slack;
mod zendesk;
