#!/usr/bin/env node
// Words that old Nodes parse, so that they get a sentence instead of a stack.
var supported = /^v(22\.(22\.([2-9]|\d\d)|2[3-9]\.|[3-9]\d\.)|24\.(1[5-9]|[2-9]\d)\.|(2[6-9]|[3-9]\d)\.)/;
if (!supported.test(process.version)) {
  console.error(
    'weighmark: error[usage]: Node ' + process.version + ' is too old; weighmark needs 22.22.2, 24.15 or 26 and later'
  );
  process.exit(2);
}
void import('./start.js');
