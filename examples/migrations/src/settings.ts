const { HOOKCAST_URL = 'http://127.0.0.1:8080', HOOKCAST_API_KEY, PORT = '3000', BANK_URL = '' } = process.env;

export const broker = { url: HOOKCAST_URL, apiKey: HOOKCAST_API_KEY };
export const port = Number(PORT);
/** Where the broker reaches this service. */
export const url = `http://127.0.0.1:${PORT}`;
export const bankUrl = BANK_URL;
