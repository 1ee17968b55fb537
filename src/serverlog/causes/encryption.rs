//! Encryption at rest of local homes.

use super::{COPY, NO_REPAIR};
use crate::serverlog::cause::{Cause, Damaged, Go, Role, Row, Sure, line, shared};

pub(super) const ROWS: &[Row] = &[
    Row {
        cause: Cause::EncKeyMissing,
        role: Role::Primary,
        damaged: Damaged::No,
        sure: Sure::Medium,
        title: "the home is encrypted and was opened without its key",
        meaning: "The log has the lines of an unreadable WiredTiger.wt; the block itself is sound and encrypted, which only \
                  the store shows.",
        damage: "No.",
        lines: &[shared(
            "WiredTiger has failed to open its metadata",
            "all; the block is whole and its header says encrypted",
        )],
        steps: &["Start with the encryption settings that the node had: key file, KMIP, cipher.", NO_REPAIR],
        go: &[Go::Check],
    },
    Row {
        cause: Cause::EncOtherKey,
        role: Role::Primary,
        damaged: Damaged::No,
        sure: Sure::Medium,
        title: "the home was opened with another key",
        meaning: "What the key makes of the metadata does not hold.",
        damage: "No.",
        lines: &[shared(
            "WiredTiger.wt: read checksum error for {size}B block at offset {offset}: {text}",
            "all, with encryption configured",
        )],
        steps: &["Compare the key id of the configuration with the one in the metadata.", NO_REPAIR],
        go: &[Go::Check],
    },
    Row {
        cause: Cause::EncPlainWithKey,
        role: Role::Primary,
        damaged: Damaged::No,
        sure: Sure::Medium,
        title: "the home is not encrypted and was opened with a key",
        meaning: "The log has the lines of an unreadable WiredTiger.wt; the block itself is sound and plain, which only the \
                  store shows.",
        damage: "No.",
        lines: &[shared("WiredTiger has failed to open its metadata", "all; the block is whole and plain")],
        steps: &["Start without encryption. To encrypt a plain home, resync the member or restore a dump.", NO_REPAIR],
        go: &[Go::Check],
    },
    Row {
        cause: Cause::EncConfig,
        role: Role::Primary,
        damaged: Damaged::No,
        sure: Sure::High,
        title: "the encryption settings do not fit",
        meaning: "The encryptor is not known to this build, or the settings contradict each other.",
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
        meaning: "The key file, the key database or the KMIP server does not give the key that the home needs.",
        damage: "No. Without the key the content cannot be had.",
        lines: &[
            line("Unable to retrieve key {name}, error: {text}", "3.2 and newer"),
            line("must be configured with AES256-GCM mode to support database key rollover", "4.2 and newer"),
            line("KMIP {text} failed", "3.2 and newer"),
        ],
        steps: &["Bring the key server or the key file back; key.db must be of the same moment as the data.", COPY],
        go: &[],
    },
];
