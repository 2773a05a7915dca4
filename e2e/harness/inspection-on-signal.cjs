// Preloaded by members under test: the program itself opens no debugger, whoever asks.
const inspector = require("node:inspector");

process.on("SIGUSR1", () => inspector.open(0));
