// What the native tests, which are TypeScript, need to know of index.mjs.

/** A tool call, as the model asks for it. */
export interface ToolCall {
  name: string;
  args: object;
}

/** A request that the model was sent, and what it answered with. */
export interface Asked {
  api: string;
  streamed: boolean;
  bytes: number;
  call?: ToolCall;
  usage: { input: number; output: number };
}

export interface Model {
  port: number;
  plan: ToolCall[];
  requests: Asked[];
  close(): void;
}

export function startModel(options?: {
  plan?: ToolCall[];
  tls?: { cert: Buffer; key: Buffer };
  port?: number;
  streams?: boolean;
}): Promise<Model>;

export interface Agent {
  package: string;
  version: string;
  api: string;
  shell(command: string): ToolCall;
}

export const AGENTS: Readonly<Record<'gemini' | 'claude' | 'opencode' | 'qwen' | 'codex' | 'copilot', Agent>>;
export function agentProgram(agent: Agent): string;
export function pointAgent(
  agent: Agent,
  where: { home: string; url: string },
): { command: string[]; env: Record<string, string> };
