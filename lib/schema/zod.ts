import { z } from "zod";

// Compiled parsers need eval, which a page's content security policy forbids; whether it is there
// is probed as soon as a shape is made, so this must come before every shape.
if (typeof window !== "undefined") z.config({ jitless: true });

export { z };
