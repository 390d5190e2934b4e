//! Exports: every planted secret once, with who, when and where; and input that is made to hurt.

mod boards;
mod discord;
mod generic;
mod github;
mod gitlab;
mod google_chat;
mod hostile;
mod jira;
mod mattermost;
mod notion;
mod pairing;
mod plant;
mod rocketchat;
mod rooms;
mod salesforce;
mod servicenow;
mod slack;
mod telegram;
mod zendesk;
