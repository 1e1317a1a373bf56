//! The oracle behind `fixtures/outboard/vectors.json`: content of the BLAKE3 test vectors' pattern, hashed, outboarded and
//! encoded by the bao-tree crate with 16 KiB groups. Run it and compare: `cargo run --locked --release`.

use bao_tree::io::outboard::PreOrderMemOutboard;
use bao_tree::io::sync::encode_ranges_validated;
use bao_tree::{BlockSize, ChunkNum, ChunkRanges};

const GROUP: BlockSize = BlockSize::from_chunk_log(4);
const SIZES: [u64; 15] = [0, 1, 1024, 16383, 16384, 16385, 32768, 32769, 49152, 65537, 131072, 262145, 1000000, 1048577, 3000001];
/// File size, start and end of the range.
const RANGES: [(u64, u64, u64); 7] =
    [(1, 0, 1), (16384, 5, 10), (16385, 0, 1), (1000000, 0, 8), (1000000, 500000, 500001), (1048577, 32768, 65536), (3000001, 16000, 70000)];

fn content(size: u64) -> Vec<u8> {
    (0..size).map(|index| (index % 251) as u8).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn outboard_line(size: u64) -> String {
    let outboard = PreOrderMemOutboard::create(content(size), GROUP);
    let root = outboard.root;
    let bytes = outboard.into_inner_with_prefix();
    let whole = if bytes.len() <= 200 { format!(", \"outboard\": \"{}\"", hex(&bytes)) } else { String::new() };
    format!("    {{ \"size\": {size}, \"root\": \"{root}\", \"outboardBlake3\": \"{}\"{whole} }}", blake3::hash(&bytes))
}

/// The groups of the range and the final group, which proves the length.
fn range_line((size, start, end): (u64, u64, u64)) -> String {
    let bytes = content(size);
    let outboard = PreOrderMemOutboard::create(&bytes, GROUP);
    let last = ChunkNum(size.saturating_sub(1) / 16384 * 16);
    let wanted = ChunkRanges::from(ChunkNum(start / 16384 * 16)..ChunkNum(end.div_ceil(16384) * 16)) | ChunkRanges::from(last..);
    let mut encoded = Vec::new();
    encode_ranges_validated(&bytes[..], &outboard, &wanted, &mut encoded).expect("memory does not fail");
    format!("    {{ \"size\": {size}, \"start\": {start}, \"end\": {end}, \"encodedBytes\": {}, \"encodedBlake3\": \"{}\" }}", encoded.len(), blake3::hash(&encoded))
}

fn main() {
    let outboards: Vec<String> = SIZES.into_iter().map(outboard_line).collect();
    let ranges: Vec<String> = RANGES.into_iter().map(range_line).collect();
    println!("{{\n  \"outboards\": [\n{}\n  ],\n  \"ranges\": [\n{}\n  ]\n}}", outboards.join(",\n"), ranges.join(",\n"));
}
