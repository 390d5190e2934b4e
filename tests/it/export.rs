//! Exports: every planted secret once, with who, when and where; and input that is made to hurt.

mod confluence;
mod generic;
mod github;
mod hostile;
mod jira;
mod jira_backup;
mod mail;
mod pages;
mod plant;
mod raw;
mod salesforce;
mod slack;
mod slack_database;
mod teams;
mod zendesk;
