// The stores that uploads need, in memory: as the ports specify, with switches that simulate failures.
import type { Database, UploadSummary } from "../../../src/linkage/database.js";
import type {
  BlockMembers,
  EncodingWriter,
  WritableEncodingStore,
} from "../../../src/linkage/encoding-store.js";
import type { Dataprovider, PartyState, Project, Upload, UploadState } from "../../../src/linkage/project.js";
import type { TaskCall } from "../../../src/linkage/task-queue.js";

export const PROJECT_ID = "a".repeat(48);
export const RESULT_TOKEN = "b".repeat(48);

interface Party {
  readonly id: number;
  readonly updateToken: string;
  state: PartyState;
  upload: Upload | undefined;
}

type Parts = Pick<
  Database,
  | "findProject"
  | "listDataproviders"
  | "beginUpload"
  | "takeOverUpload"
  | "findUpload"
  | "finishUpload"
  | "dropUpload"
  | "acceptPendingUpload"
  | "preparePendingUpload"
  | "failUpload"
  | "failRunsOfProject"
>;

/** A project and its parties. */
export class MemoryParties implements Parts {
  readonly parties: Party[];
  isDeleted = false;
  project: Project;
  /** Messages of failed runs. */
  readonly failures: string[] = [];
  /** Awaited before an upload finishes. */
  beforeFinish: () => Promise<void> = async () => {};

  constructor(project: Partial<Project> = {}, partyCount = 2) {
    this.project = {
      projectId: PROJECT_ID,
      resultToken: RESULT_TOKEN,
      resultType: "groups",
      schema: {},
      name: "",
      notes: "",
      partyCount,
      usesBlocking: false,
      timeAdded: new Date(),
      encodingSize: undefined,
      ...project,
    };
    this.parties = Array.from({ length: partyCount }, (_, n) => ({
      id: n + 1,
      updateToken: `${n}`.repeat(48),
      state: "not_started",
      upload: undefined,
    }));
  }

  party(id: number): Party {
    return this.parties.find((party) => party.id === id)!;
  }

  async findProject(projectId: string): Promise<Project | undefined> {
    return projectId === PROJECT_ID && !this.isDeleted ? this.project : undefined;
  }

  async listDataproviders(projectId: string): Promise<readonly Dataprovider[]> {
    if (projectId !== PROJECT_ID || this.isDeleted) return [];
    return this.parties.map((party, index) => ({ ...party, index }));
  }

  async beginUpload(id: number, receiptToken: string, file: string | undefined): Promise<boolean> {
    const { state } = this.party(id);
    if (state !== "not_started" && state !== "error") return false;
    this.#begin(id, receiptToken, file);
    return true;
  }

  async takeOverUpload(
    id: number,
    abandoned: string,
    receiptToken: string,
    file: string | undefined,
  ): Promise<boolean> {
    const { state, upload } = this.party(id);
    const isStill = upload?.receiptToken === abandoned && upload.state === "pending";
    if (state !== "in_progress" || !isStill) return false;
    this.#begin(id, receiptToken, file);
    return true;
  }

  async findUpload(id: number): Promise<Upload | undefined> {
    return this.parties.find((party) => party.id === id)?.upload;
  }

  async finishUpload(
    id: number,
    receiptToken: string,
    summary: UploadSummary,
    state: Exclude<UploadState, "pending">,
  ): Promise<boolean> {
    await this.beforeFinish();
    const party = this.party(id);
    if (!this.#isPending(id, receiptToken)) return false;
    party.upload = { ...party.upload!, ...summary, state };
    party.state = state === "ready" ? "done" : "error";
    return true;
  }

  async dropUpload(id: number, receiptToken: string, state: "not_started" | "error"): Promise<void> {
    if (!this.#isPending(id, receiptToken)) return;
    this.party(id).upload = undefined;
    this.party(id).state = state;
  }

  async acceptPendingUpload(id: number, receiptToken: string): Promise<boolean> {
    if (!this.#isPending(id, receiptToken)) return false;
    this.party(id).state = "done";
    return true;
  }

  async preparePendingUpload(id: number, receiptToken: string, file: string | undefined): Promise<boolean> {
    const party = this.party(id);
    if (party.upload?.receiptToken !== receiptToken) {
      const { state } = party;
      this.#begin(id, receiptToken, file);
      party.state = state;
      return true;
    }
    if (party.upload.state !== "pending") return false;
    party.upload = { ...party.upload, file };
    return true;
  }

  async failUpload(id: number, receiptToken: string | undefined): Promise<void> {
    const party = this.party(id);
    party.state = "error";
    if (party.upload?.receiptToken === receiptToken) party.upload = { ...party.upload!, state: "error" };
  }

  async failRunsOfProject(_projectId: string, message: string): Promise<readonly string[]> {
    this.failures.push(message);
    return [];
  }

  #isPending(id: number, receiptToken: string): boolean {
    const { upload } = this.party(id);
    return !this.isDeleted && upload?.receiptToken === receiptToken && upload.state === "pending";
  }

  #begin(id: number, receiptToken: string, file: string | undefined): void {
    this.party(id).state = "in_progress";
    this.party(id).upload = {
      receiptToken,
      state: "pending",
      recordCount: 0,
      blockCount: 1,
      encodingSize: undefined,
      file,
      timeAdded: new Date(),
    };
  }
}

interface Stored {
  readonly receiptToken: string;
  readonly byteLength: number;
  readonly rows: Uint8Array[];
  /** Set when the upload is committed. */
  blocks: Map<string, number[]> | undefined;
}

/** The stored encodings of each party. */
export class MemoryEncodings implements Pick<WritableEncodingStore, "fileOf" | "begin" | "remove"> {
  readonly stored = new Map<number, Stored>();
  /** Awaited before records are written. */
  beforeWrite: () => Promise<void> = async () => {};
  beforeCommit: () => Promise<void> = async () => {};

  fileOf(receiptToken: string): string {
    return `packed/${receiptToken}`;
  }

  async begin(id: number, receiptToken: string, byteLength: number): Promise<EncodingWriter> {
    if (this.stored.has(id)) throw new Error("something is stored already");
    const stored: Stored = { receiptToken, byteLength, rows: [], blocks: undefined };
    this.stored.set(id, stored);
    return {
      write: async (rows) => {
        await this.beforeWrite();
        if (rows.length === 0 || rows.length % byteLength !== 0) throw new Error("no whole rows");
        stored.rows.push(rows);
      },
      commit: async (blocks) => {
        await this.beforeCommit();
        stored.blocks = await collectBlocks(blocks);
        return { blockCount: stored.blocks.size };
      },
      abort: async () => {
        if (this.stored.get(id) === stored) this.stored.delete(id);
      },
    };
  }

  async remove(id: number, receiptToken: string): Promise<void> {
    if (this.stored.get(id)?.receiptToken === receiptToken) this.stored.delete(id);
  }

  /** The concatenated encodings of a party, in hexadecimal. */
  rowsOf(id: number): string {
    return Buffer.concat(this.stored.get(id)!.rows).toString("hex");
  }
}

async function collectBlocks(members: AsyncIterable<BlockMembers>): Promise<Map<string, number[]>> {
  const blocks = new Map<string, number[]>();
  for await (const { name, rows } of members) blocks.set(name, [...(blocks.get(name) ?? []), ...rows]);
  return blocks;
}

/** Records the tasks that are sent. */
export class MemoryTasks {
  readonly sent: TaskCall[] = [];
  isAway = false;

  async send(call: TaskCall): Promise<void> {
    if (this.isAway) throw new Error("no queue");
    this.sent.push(call);
  }
}
