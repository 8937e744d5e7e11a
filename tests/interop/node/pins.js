// Prints the `overrides` that pin what the SDKs pull in, from the node_modules in the folder given.
//
// The SDKs pin one another; everything else gets a line. Where two versions of a package are
// installed, a line holds for those who ask for that one.
'use strict';
const { execFileSync } = require('child_process');

const tree = JSON.parse(execFileSync('npm', ['ls', '--all', '--json'], { cwd: process.argv[2] }));
const versions = {};
(function walk(dependencies = {}) {
  for (const [name, { version, dependencies: further }] of Object.entries(dependencies)) {
    // Optional packages that are not installed have no version.
    if (version && !name.startsWith('azure-iot')) (versions[name] ??= new Set()).add(version);
    walk(further);
  }
})(tree.dependencies);

const overrides = {};
for (const name of Object.keys(versions).sort()) {
  const all = [...versions[name]].sort();
  for (const version of all) overrides[all.length > 1 ? `${name}@${version}` : name] = version;
}
console.log(JSON.stringify({ overrides }, null, 2));
