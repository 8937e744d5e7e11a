// Where the program for this platform is: each platform has a package of its own, and npm installs the
// one that fits (`os` and `cpu` in their package.json).
'use strict';

// As `process.platform` and `process.arch` say them.
const PLATFORMS = ['linux-x64', 'linux-arm64', 'darwin-x64', 'darwin-arm64', 'win32-x64'];

const packageOf = (platform) => `@provision-sim/${platform}`;

const fileOf = (platform) => (platform.startsWith('win32') ? 'provision-sim.exe' : 'provision-sim');

/** The program's path; PROVISION_SIM goes before the package. */
function binary(platform = `${process.platform}-${process.arch}`) {
  if (process.env.PROVISION_SIM) return process.env.PROVISION_SIM;
  const elsewhere = 'install the program in another way, and set PROVISION_SIM to its path';
  if (!PLATFORMS.includes(platform)) {
    throw new Error(`provision-sim has no package for ${platform}; ${elsewhere}`);
  }
  const name = packageOf(platform);
  try {
    return require.resolve(`${name}/bin/${fileOf(platform)}`);
  } catch {
    const { version } = require('../package.json');
    throw new Error(
      `the package ${name}, which has the program, is not installed. It is an optional dependency: npm leaves it ` +
        'out with --omit=optional (or --no-optional), and where package-lock.json was made on another system. ' +
        `Install it with \`npm install --save-dev ${name}@${version}\`; or ${elsewhere}`,
    );
  }
}

module.exports = { PLATFORMS, binary, fileOf, packageOf };
