import { config } from "zod";

// Compiled parsers need eval, which a page's content security policy forbids; whether it is there
// is probed as soon as a shape is made, so every file of shapes imports this.
if (typeof window !== "undefined") config({ jitless: true });
