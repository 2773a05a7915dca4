// Loaded before anything else is: an older Node fails on the first type, or on the first name that
// it does not export, with a text that names neither the cause nor the cure.
const [major, minor] = process.versions.node.split(".").map(Number);
if (major < 22 || (major === 22 && minor < 18)) {
  process.stderr.write(
    `Quorate needs Node 22.18 or newer, this is ${process.versions.node}; on Linux x64 "npm ci" ` +
      "brings the right one unless optional packages are left out.\n",
  );
  process.exit(1);
}
