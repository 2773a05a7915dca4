import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { EtcdClient } from "../../lib/etcd/client.ts";
import {
  AuthDefinition,
  AuthEnableRequest,
  AuthRoleAddRequest,
  AuthUserAddRequest,
  AuthUserGrantRoleRequest,
} from "../../server/proto/gen/rpc.ts";
import { keyAddress, watchAddress } from "../harness/console-pages.ts";
import { expect, fillSignIn, test } from "../harness/console-test.ts";
import { ClusterProcess } from "../harness/member-process.ts";
import { QuorateProcess } from "../harness/quorate-process.ts";

// A console that was started with the wrong address or the wrong password says which, and claims
// nothing about a cluster that it does not know.

test.use({
  storageState: { cookies: [], origins: [] },
  expectedErrors: [/status of (401|403|502|503)/],
});

test("an endpoint that is no etcd is called so on every page", async ({ page }) => {
  test.slow();
  const stranger = createServer((_, response) => response.end("<html>Hello</html>"));
  await new Promise<void>((resolve) => stranger.listen(0, "127.0.0.1", resolve));
  const { port } = stranger.address() as AddressInfo;
  const own = await QuorateProcess.start({ endpoints: `http://127.0.0.1:${port}` });
  const text = `http://127.0.0.1:${port} answers, but it is not etcd`;
  try {
    await page.goto(`${own.url}/overview`);
    await fillSignIn(page);
    await expect(page.getByRole("banner").getByText("Not reachable")).toBeVisible();
    await expect(
      page.getByRole("main").getByText("No etcd has answered yet").first(),
    ).toBeVisible();
    await expect(page.getByRole("main").getByText(text).first()).toBeVisible();
    await expect(page.getByText(/quorum is lost/i)).toHaveCount(0);
    await page.goto(`${own.url}${keyAddress("a")}`);
    await expect(page.getByText("The keys cannot be listed")).toBeVisible();
    await expect(page.getByText("The key cannot be read")).toBeVisible();
    await expect(page.getByText(text)).toHaveCount(2);
    await expect(page.getByText(/may be old/)).toHaveCount(0);
    await page.goto(`${own.url}${watchAddress("a")}`);
    await expect(page.getByText("The watch cannot be opened now")).toBeVisible();
    await expect(page.getByRole("main").getByText(text)).toBeVisible();
  } finally {
    await page.goto("about:blank");
    await own.stop();
    stranger.close();
  }
});

test("a wrong password for etcd is called so, and never a lost quorum", async ({ page, make }) => {
  test.slow();
  const cluster = await ClusterProcess.start({ make, size: 1 });
  const root = new EtcdClient({ endpoints: [cluster.endpoints] });
  const { methods } = AuthDefinition;
  const user = AuthUserAddRequest.fromPartial({ name: "root", password: "right" });
  await root.write(AuthDefinition, methods.userAdd, user);
  const role = AuthRoleAddRequest.fromPartial({ name: "root" });
  await root.write(AuthDefinition, methods.roleAdd, role);
  const grant = AuthUserGrantRoleRequest.fromPartial({ user: "root", role: "root" });
  await root.write(AuthDefinition, methods.userGrantRole, grant);
  await root.write(AuthDefinition, methods.authEnable, AuthEnableRequest.fromPartial({}));
  root.close();
  const { endpoints } = cluster;
  const own = await QuorateProcess.start({ endpoints, user: "root:wrong" });
  try {
    await page.goto(`${own.url}/overview`);
    await fillSignIn(page);
    await expect(page.getByRole("banner").getByText("Access refused")).toBeVisible();
    await expect(page.getByText(/authentication failed, invalid user ID/).first()).toBeVisible();
    await expect(page.getByText(/quorum is lost/i)).toHaveCount(0);
    await page.goto(`${own.url}${keyAddress("a")}`);
    await expect(page.getByText("The key cannot be read")).toBeVisible();
    await expect(page.getByText(/authentication failed, invalid user ID/)).toHaveCount(2);
  } finally {
    await page.goto("about:blank");
    await own.stop();
    await cluster.stop();
  }
});
