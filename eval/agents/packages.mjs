// Coding agents from npm: which version, and how each is pointed at a model of one's own.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { repository } from '../../bench/harness/index.mjs';

const PROMPT = 'please work';
const shell = (name, more) => (command) => ({ name, args: { command, description: 'work', ...more } });

/**
 * `api`: what it speaks, by the name that `llm_api` has for it. `shell`: the tool call that makes it run a command.
 * `settings`: files in its home folder. `environment`, `settings`: given the model's address without a path.
 */
const gemini = {
  package: '@google/gemini-cli',
  version: '0.57.0',
  program: 'gemini',
  api: 'gemini',
  shell: shell('run_shell_command'),
  words: ['--yolo', '--skip-trust', '-m', 'gemini-2.5-flash', '-p', PROMPT],
  environment: (url) => ({ GEMINI_API_KEY: 'none', GOOGLE_GEMINI_BASE_URL: url }),
  settings: () => ({
    '.gemini/settings.json': JSON.stringify({
      security: { auth: { selectedType: 'gemini-api-key' } },
      privacy: { usageStatisticsEnabled: false },
      general: { enableAutoUpdate: false },
    }),
  }),
};

const claude = {
  package: '@anthropic-ai/claude-code',
  version: '2.1.332',
  program: 'claude',
  api: 'anthropic-messages',
  shell: shell('Bash'),
  words: ['-p', PROMPT, '--dangerously-skip-permissions', '--model', 'claude-sonnet-4-5'],
  environment: (url) => ({
    ANTHROPIC_API_KEY: 'none',
    ANTHROPIC_BASE_URL: url,
    CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: '1',
    IS_SANDBOX: '1', // as root it works nowhere else without asking
  }),
  settings: () => ({}),
};

const opencode = {
  package: 'opencode-ai',
  version: '1.18.33',
  program: 'opencode',
  api: 'openai-chat',
  shell: shell('bash'),
  words: ['run', PROMPT],
  environment: () => ({ OPENCODE_DISABLE_MODELS_FETCH: '1' }),
  settings: (url) => ({
    '.config/opencode/opencode.json': JSON.stringify({
      model: 'own/stand-in',
      small_model: 'own/stand-in',
      autoupdate: false,
      share: 'disabled',
      permission: 'allow',
      provider: {
        own: {
          npm: '@ai-sdk/openai-compatible',
          name: 'own',
          options: { baseURL: `${url}/v1`, apiKey: 'none' },
          models: { 'stand-in': { name: 'stand-in', tool_call: true } },
        },
      },
    }),
  }),
};

const qwen = {
  package: '@qwen-code/qwen-code',
  version: '0.24.4',
  program: 'qwen',
  api: 'openai-chat',
  shell: shell('run_shell_command', { is_background: false }),
  words: ['--yolo', '-p', PROMPT],
  environment: (url) => ({ OPENAI_API_KEY: 'none', OPENAI_BASE_URL: `${url}/v1`, OPENAI_MODEL: 'stand-in' }),
  settings: () => ({
    '.qwen/settings.json': JSON.stringify({
      security: { auth: { selectedType: 'openai' } },
      privacy: { usageStatisticsEnabled: false },
      general: { enableAutoUpdate: false },
    }),
  }),
};

const codex = {
  package: '@openai/codex',
  version: '0.171.0',
  program: 'codex',
  api: 'openai-responses',
  shell: (cmd) => ({ name: 'exec_command', args: { cmd } }),
  words: ['exec', '--skip-git-repo-check', '--dangerously-bypass-approvals-and-sandbox', PROMPT],
  environment: () => ({ OWN_KEY: 'none' }),
  settings: (url) => ({
    '.codex/config.toml': [
      'model = "stand-in"',
      'model_provider = "own"',
      '[model_providers.own]',
      'name = "own"',
      `base_url = "${url}/v1"`,
      'wire_api = "responses"',
      'env_key = "OWN_KEY"',
      '',
    ].join('\n'),
  }),
};

const copilot = {
  package: '@github/copilot',
  version: '1.0.102',
  program: 'copilot',
  api: 'openai-chat',
  shell: shell('bash'),
  words: ['-p', PROMPT, '--allow-all-tools', '--no-auto-update'],
  environment: (url) => ({
    COPILOT_OFFLINE: 'true',
    COPILOT_PROVIDER_TYPE: 'openai',
    COPILOT_PROVIDER_BASE_URL: `${url}/v1`,
    COPILOT_PROVIDER_API_KEY: 'none',
    COPILOT_MODEL: 'stand-in',
  }),
  settings: () => ({}),
};

export const AGENTS = { gemini, claude, opencode, qwen, codex, copilot };

/**
 * Path of an agent's program, installed once from the package registry (100 to 450 MB each) and kept in the cache.
 * @throws {Error} when it is not there and cannot be fetched
 */
export function agentProgram({ package: name, version, program }) {
  const folder = join(repository, '.cache', 'agents', `${name.replace('/', '-')}-${version}`);
  const path = join(folder, 'node_modules', '.bin', program);
  if (existsSync(path)) return path;
  const draft = `${folder}.part`;
  rmSync(draft, { recursive: true, force: true });
  mkdirSync(draft, { recursive: true });
  // Some ask for a newer Node than they need: they bring a program of their own.
  const words = [
    'install',
    '--engine-strict=false',
    '--no-audit',
    '--no-fund',
    '--prefix',
    draft,
    `${name}@${version}`,
  ];
  execFileSync('npm', words, { cwd: draft, stdio: ['ignore', 'ignore', 'inherit'] });
  renameSync(draft, folder);
  return path;
}

/**
 * Points an agent at a model: writes its settings into `home`.
 * @param {string} url the model's address without a path
 * @returns {{command: string[], env: Record<string, string>}} what runs it, and what its environment has to have besides
 */
export function pointAgent(agent, { home, url }) {
  for (const [name, text] of Object.entries(agent.settings(url))) {
    mkdirSync(dirname(join(home, name)), { recursive: true });
    writeFileSync(join(home, name), text);
  }
  return { command: [agentProgram(agent), ...agent.words], env: agent.environment(url) };
}
