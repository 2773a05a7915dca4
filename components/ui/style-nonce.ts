/**
 * What style elements that are added in the browser must carry to be let through by the page's
 * content security policy. Undefined where there is no policy.
 */
export function styleNonce(): string | undefined {
  const nonce = Reflect.get(window, "__webpack_nonce__") as unknown;
  return typeof nonce === "string" ? nonce : undefined;
}
