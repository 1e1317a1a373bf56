// Builds the native addon where there is a cargo. npm runs it in a clone (`postprepare`); what is packed and installed has no
// script that runs. It never fails an installation: without the addon the WebAssembly kernel does the work, as fast as
// WebAssembly is.
import { spawnSync } from 'node:child_process';
import { buildAddon, isKnown } from '../../addon-build.mjs';

/** Why nothing is built, or null. */
function reasonToSkip(env) {
  if (env.npm_config_global === 'true') return 'a global installation';
  if (env['_PACOTE_NO_PREPARE_'] !== undefined) return 'an installation from git';
  if (['pack', 'publish'].includes(env.npm_command)) return `npm ${env.npm_command}`;
  if (env.WEIGHMARK_KERNEL === 'wasm') return 'WEIGHMARK_KERNEL=wasm';
  if (!isKnown) return `no native kernel for ${process.platform}`;
  if (spawnSync('cargo', ['--version'], { stdio: 'ignore' }).status !== 0) return 'no cargo here';
  return null;
}

try {
  const skip = reasonToSkip(process.env);
  if (skip !== null) console.log(`weighmark: native kernel not built (${skip})`);
  else {
    const addon = {
      folder: new URL('.', import.meta.url),
      stem: 'kernel',
      library: 'weighmark_kernel',
      minutes: 10,
      with: [new URL('../../weights/kernel/', import.meta.url)],
    };
    console.log(`weighmark: native kernel ${buildAddon(addon) ? 'built' : 'is up to date'}`);
  }
} catch (error) {
  console.log(`weighmark: native kernel not built (${error.message}); using WebAssembly`);
}
