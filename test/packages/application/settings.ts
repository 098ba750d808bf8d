const { HOOKCAST_URL = 'http://127.0.0.1:8080', HOOKCAST_API_KEY, PORT = '3000', ADAPTER = 'express' } = process.env;
const { GITHUB_SECRET = '' } = process.env;

export const broker = { url: HOOKCAST_URL, apiKey: HOOKCAST_API_KEY };
export const port = Number(PORT);
export const origin = `http://127.0.0.1:${PORT}`;
export const adapter = ADAPTER;
export const githubSecret = GITHUB_SECRET;
