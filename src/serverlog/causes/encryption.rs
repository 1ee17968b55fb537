//! Encryption at rest of local homes.

use super::{COPY, NO_REPAIR};
use crate::serverlog::cause::{Cause, Damaged, Go, Role, Row, Sure, line, shared};

pub(super) const ROWS: &[Row] = &[
    Row {
        cause: Cause::EncKeyMissing,
        role: Role::Primary,
        damaged: Damaged::No,
        sure: Sure::Medium,
        title: "the dbPath is encrypted and was opened without its key",
        meaning: "The log has the same lines as for an unreadable WiredTiger.wt, but the block itself is sound and \
                  encrypted. Only the store can show that.",
        damage: "No.",
        lines: &[shared(
            "WiredTiger has failed to open its metadata",
            "all; the block is intact and its header says encrypted",
        )],
        steps: &["Start with the encryption settings that the node had: key file, KMIP, cipher.", NO_REPAIR],
        go: &[Go::Check],
    },
    Row {
        cause: Cause::EncOtherKey,
        role: Role::Primary,
        damaged: Damaged::No,
        sure: Sure::Medium,
        title: "the dbPath was opened with another key",
        meaning: "The metadata decrypted with this key is not valid.",
        damage: "No.",
        lines: &[shared(
            "WiredTiger.wt: read checksum error for {size}B block at offset {offset}: {text}",
            "all, with encryption configured",
        )],
        steps: &["Compare the key id in the configuration with the one in the metadata.", NO_REPAIR],
        go: &[Go::Check],
    },
    Row {
        cause: Cause::EncPlainWithKey,
        role: Role::Primary,
        damaged: Damaged::No,
        sure: Sure::Medium,
        title: "the dbPath is not encrypted and was opened with a key",
        meaning: "The log has the same lines as for an unreadable WiredTiger.wt, but the block itself is sound and not \
                  encrypted. Only the store can show that.",
        damage: "No.",
        lines: &[shared("WiredTiger has failed to open its metadata", "all; the block is intact and not encrypted")],
        steps: &[
            "Start without encryption. To encrypt an unencrypted dbPath, resync the member or restore a dump.",
            NO_REPAIR,
        ],
        go: &[Go::Check],
    },
    Row {
        cause: Cause::EncConfig,
        role: Role::Primary,
        damaged: Damaged::No,
        sure: Sure::High,
        title: "the encryption settings are wrong",
        meaning: "This build does not know the encryptor, or the settings contradict each other.",
        damage: "No.",
        lines: &[
            line("unknown encryptor '{name}'", "3.2 and newer"),
            line("encryption.keyid requires encryption.name to be set", "3.2 and newer"),
            line("table encryption requires connection encryption to be set", "3.2 and newer"),
            line("invalid name for an encryptor", "3.2 and newer"),
        ],
        steps: &[
            "Start the build that has the encryptor (MongoDB Enterprise, Percona Server), with its settings.",
            NO_REPAIR,
        ],
        go: &[],
    },
    Row {
        cause: Cause::EncKeystore,
        role: Role::Primary,
        damaged: Damaged::No,
        sure: Sure::Medium,
        title: "the encryption keys are not available",
        meaning: "The key file, the key database or the KMIP server does not provide the key that the dbPath needs.",
        damage: "No. Without the key the content cannot be read.",
        lines: &[
            line("Unable to retrieve key {name}, error: {text}", "3.2 and newer"),
            line("must be configured with AES256-GCM mode to support database key rollover", "4.2 and newer"),
            line("KMIP {text} failed", "3.2 and newer"),
        ],
        steps: &[
            "Restore the key server or the key file; key.db must come from the same point in time as the data.",
            COPY,
        ],
        go: &[],
    },
];
