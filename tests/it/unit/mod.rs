//! Single modules of the library, a file for each, where they lie in `src/`.

mod audit {
    mod advice;
    mod finding;
    mod pagelog {
        mod account;
        mod classify;
    }
}
mod cli {
    mod args;
    mod interrupt;
    mod shortcut;
}
mod coverage;
mod decode {
    mod block;
    mod bytes;
    mod view;
}
mod export {
    mod shard;
    mod table;
}
mod format {
    mod block;
    mod block_dump;
    mod checkpoint_list;
    mod completion;
    mod compress;
    mod config;
    mod cookie;
    mod crc;
    mod generation;
    mod home_turtle;
    mod image;
    mod int;
    mod key_page;
    mod local;
    mod local_image;
    mod pack;
    mod page_header;
    mod pagelog_turtle;
    mod wtlog;
}
mod home {
    mod checkpoint;
    mod inventory;
    mod names;
    mod pages;
    mod rewrite;
    mod space;
    mod wtlog;
}
mod model {
    mod account;
}
mod mongo {
    mod catalog;
    mod extjson;
    mod keystring;
    mod layout;
    mod record_id;
    mod server;
}
mod pack {
    mod bson;
    mod page;
    mod relabel;
    mod same;
    mod search;
    mod squeeze;
    mod sums;
    mod text;
}
mod output;
mod page {
    mod cell;
    mod cell_kind;
    mod delta;
    mod fast_cell;
    mod fixed;
    mod header;
    mod history;
    mod internal;
    mod leaf;
    mod plain_child;
    mod rules;
    mod windows;
}
mod pagelog {
    mod chain;
}
mod pickup {
    mod code;
    mod merge;
    mod policy;
    mod profile;
    mod step;
}
mod repair {
    mod journal;
}
mod report {
    mod json;
    mod map;
    mod map_pagelog;
    mod progress;
    mod svg;
    mod table;
    mod text;
}
mod scenario {
    mod document;
    mod duration;
}
mod scratch;
mod serverlog {
    mod lines;
}
mod store {
    mod blockfile;
    mod harden;
    mod index;
    mod palite;
    mod palm {
        mod lmdb;
        mod log;
        mod page_set;
    }
    mod supply;
}
