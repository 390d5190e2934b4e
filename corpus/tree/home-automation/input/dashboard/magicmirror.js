let config = { modules: [
  { module: "weather", config: { apiKey: "<<+api-key|{{hex:32}}>>", locationID: "<<-identifier|{{digits:7}}>>" } },
  { module: "calendar", config: { calendars: [ { url: "https://calendar.google.com/calendar/ical/fern%40mail.example/private-<<+token|{{hex:32}}>>/basic.ics" } ] } },
  { module: "MMM-Todoist", config: { accessToken: "<<+token|{{hex:40}}>>", projects: [<<-identifier|{{digits:10}}>>] } },
] };
