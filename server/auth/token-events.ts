/** What tokens hear of the log. Called while an entry is applied; must not throw. */
export interface TokenEvents {
  /** A user has signed in; every member hears of it. */
  assigned(username: string, token: string): void;
  /** A user is gone, or has another password: his tokens are void. */
  userChanged(username: string): void;
  /** Auth is off: all tokens are void. */
  disabled(): void;
}
