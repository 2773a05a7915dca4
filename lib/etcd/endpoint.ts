import { ClusterError } from "./cluster-error.ts";

/** Where one member listens for clients. */
export interface Endpoint {
  /** As given, with a scheme: "http://10.0.0.1:2379". */
  readonly url: string;
  /** What gRPC dials: "dns:host:port". */
  readonly target: string;
  readonly tls: boolean;
}

/** `http://host:port`, `https://host:port` or, as etcdctl takes it, `host:port`. */
export function parseEndpoint(text: string): Endpoint {
  const withScheme = text.includes("://") ? text : `http://${text}`;
  let url: URL;
  try {
    url = new URL(withScheme);
  } catch {
    throw malformed(text, "it is no URL");
  }
  if (url.protocol !== "http:" && url.protocol !== "https:") {
    throw malformed(text, "only http and https are known");
  }
  if (url.pathname !== "/" || url.search !== "" || url.hash !== "" || url.username !== "") {
    throw malformed(text, "it has more than a host and a port");
  }
  const tls = url.protocol === "https:";
  const port = url.port === "" ? (tls ? "443" : "80") : url.port;
  return {
    url: `${url.protocol}//${url.hostname}:${port}`,
    target: `dns:${url.hostname}:${port}`,
    tls,
  };
}

function malformed(text: string, why: string): ClusterError {
  return new ClusterError(
    "bad-request",
    `the endpoint ${JSON.stringify(text)} is malformed: ${why}`,
  );
}
