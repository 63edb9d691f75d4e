using System;
using Newtonsoft.Json.Linq;

public static class Hello
{
    public static JObject Main(JObject args)
    {
        Console.WriteLine($"greeting {args["name"]}");
        return new JObject { ["greeting"] = $"Hello, {args["name"]}!" };
    }
}
