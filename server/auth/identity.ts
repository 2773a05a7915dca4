/** Who asks, as the members tell each other in the log. */
export interface Identity {
  readonly username: string;
  /** Of the auth store when the caller was recognised; 0 where nobody was. */
  readonly authRevision: number;
}

export const NOBODY: Identity = { username: "", authRevision: 0 };

/** The user, and the role, that may do everything and cannot be taken away while auth is on. */
export const ROOT = "root";
