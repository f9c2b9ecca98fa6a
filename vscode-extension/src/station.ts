// What every command works with.

import type { Boards } from "./boards.ts";
import type { Connections } from "./connections.ts";
import type { Hubs } from "./hubs.ts";
import type { Logs } from "./logs.ts";
import type { Secrets } from "./secrets.ts";
import type { Server } from "./server.ts";

export interface Station {
  readonly server: Server;
  readonly connections: Connections;
  readonly hubs: Hubs;
  readonly boards: Boards;
  readonly secrets: Secrets;
  readonly logs: Logs;
}
