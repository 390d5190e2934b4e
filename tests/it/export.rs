//! Exports: every planted secret once, with who, when and where; and input that is made to hurt.

mod boards;
mod confluence;
mod discord;
mod generic;
mod github;
mod gitlab;
mod google_chat;
mod hostile;
mod jira;
mod jira_backup;
mod mail;
mod mattermost;
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
mod teams;
mod telegram;
mod zendesk;
