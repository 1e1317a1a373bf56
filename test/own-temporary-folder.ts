/**
 * Loaded before every test file (`--import`): what a test leaves in the temporary folder goes away with its process.
 * The compile cache stays, since each test starts the command line anew.
 */
import { mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const folder = mkdtempSync(join(realpathSync(tmpdir()), 'weighmark-test-'));
process.env['TMPDIR'] = folder;
process.on('exit', () => {
  try {
    rmSync(folder, { recursive: true, force: true });
  } catch {
    // A folder that a test took its own rights from; nothing is decided by it.
  }
});
