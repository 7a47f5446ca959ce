import './app/jitless';
import './app/fonts.css';
import './app/theme.css';
import './app/elements.css';
import { createPinia } from 'pinia';
import { createApp } from 'vue';
import App from './app/App.vue';
import { createClient, provideClient } from './kernel/client';
import { createStudioRouter } from './app/router';
import { start } from './app/start';

const client = createClient();
provideClient(client);
const app = createApp(App);
app.use(createPinia());
const router = createStudioRouter();

// Settings first, so that the first frame has the right theme and screen; the server may still be starting.
void start(router).finally(() => {
  app.use(router);
  app.mount('#app');
});
