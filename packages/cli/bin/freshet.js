#!/usr/bin/env node
// A file that is there before the build, so that npm links the command when it installs the workspace.
await import('../dist/main.js').catch((error) => {
  if (error.code !== 'ERR_MODULE_NOT_FOUND' || !String(error.message).includes('dist/main.js')) throw error;
  console.error('freshet: the command has not been built yet; run `npm run build` first.');
  process.exitCode = 1;
});
