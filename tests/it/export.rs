//! Exports: every planted secret once, with who, when and where; and input that is made to hurt.

mod attached;
mod boards;
mod confluence;
mod cut;
mod discord;
mod generic;
mod github;
mod gitlab;
mod google_chat;
mod hostile;
mod jira;
mod jira_backup;
mod mail;
mod malformed;
mod mattermost;
// It reads /proc.
#[cfg(target_os = "linux")]
mod memory;
mod notion;
mod pages;
mod pairing;
mod plant;
mod raw;
mod rocketchat;
mod rooms;
mod salesforce;
mod servicenow;
mod slack;
mod slack_database;
mod stream;
mod teams;
mod teams_pages;
mod telegram;
mod visibility;
mod zendesk;
