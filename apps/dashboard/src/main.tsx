import { render } from 'preact';
import { ApiClient } from './api/client.js';
import { sessionOf } from './api/session.js';
import { App } from './page/app.js';
import { ToolsContext } from './page/client-context.js';
import './style.css';

const place = document.getElementById('app');
const session = sessionOf(document);
if (place) {
  place.replaceChildren();
  render(
    <ToolsContext.Provider value={{ client: new ApiClient(session), session }}>
      <App />
    </ToolsContext.Provider>,
    place,
  );
}
