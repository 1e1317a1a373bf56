// Builds the addon, which reads datasets many times faster and knows Arrow: `npm run build:records`. It takes minutes, so
// `npm ci` does not: without it JavaScript does the work.
import { buildAddon } from '../../addon-build.mjs';

const addon = { folder: new URL('.', import.meta.url), stem: 'records', library: 'weighmark_records', minutes: 90 };
console.log(`weighmark: records addon ${buildAddon(addon) ? 'built' : 'is up to date'}`);
