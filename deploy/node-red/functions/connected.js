// After each connection the node is asked for what came meanwhile.
return /connected$/.test((msg.status || {}).text || "") && !/disconnected$/.test(msg.status.text) ? { connected: true, topic: "" } : null;
