//! The ids and limits that page logs of all generations share, in one place.

use crate::id::{PageId, TableId};

/// First page id of btree pages; those below are of special pages.
pub const FIRST_PAGE_ID: PageId = PageId(100);
/// The only valid page id of turtle and key pages.
pub const SPECIAL_PAGE: PageId = PageId(1);
/// Most deltas a page may have between two full images.
pub const MAX_DELTAS: usize = 32;
/// Tables that have held the turtle page, newest layout first.
pub const TURTLE_TABLES: [TableId; 2] = [TableId(2), TableId(1)];
/// Table id of the key provider.
pub const KEY_TABLE: TableId = TableId(26);
/// Tables that usually hold the shared metadata, newest layout first.
pub const METADATA_TABLES: [TableId; 3] = [TableId(10), TableId(2), TableId(9)];
/// Table that usually holds the shared history store.
pub const HISTORY_TABLE: TableId = TableId(18);
