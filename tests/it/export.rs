//! Exports: every planted secret once, with who, when and where; and input that is made to hurt.

mod confluence;
mod boards;
mod discord;
mod generic;
mod github;
mod gitlab;
mod google_chat;
mod hostile;
mod jira;
mod jira_backup;
mod mail;
mod pages;
mod plant;
mod raw;
mod mattermost;
mod notion;
mod pairing;
mod rocketchat;
mod rooms;
mod salesforce;
mod servicenow;
mod slack;
mod slack_database;
mod teams;
mod telegram;
mod zendesk;
