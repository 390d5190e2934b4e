export default { secret: '<<-identifier|unicode/3299.png?v8>>', key: '<<-identifier|unicode/1f511.png?v8>>', old_key: '<<-identifier|unicode/1f5dd.png?v8>>' };
